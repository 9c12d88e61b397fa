/** Waits for what the kernel or the event loop does in its own time: at most ten seconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  unmet: () => string,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`after thirty seconds: ${unmet()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
