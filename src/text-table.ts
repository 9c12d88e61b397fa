/** Tables for people: columns padded to their widest cell, three spaces apart, as kubectl prints them. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [header, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same with lines around every cell, as calicoctl prints `node status` and `ipam show`. */
export function formatBox(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (cells: readonly string[]) =>
    `|${cells.map((cell, column) => ` ${cell.padEnd(widths[column]!)} `).join('|')}|`;
  // calicoctl centres the titles.
  const titles = header.map((title, column) => {
    const left = Math.floor((widths[column]! - title.length) / 2);
    return ' '.repeat(left) + title;
  });
  return [rule, line(titles), rule, ...rows.map(line), rule].join('\n');
}
