/** BGP communities as people write them: `aa:nn` (RFC 1997) and large `aa:nn:mm` (RFC 8092). */

const COMMUNITY = /^(0|[1-9]\d*):(0|[1-9]\d*)(?::(0|[1-9]\d*))?$/;
const MAX_PART = 65535;
const MAX_LARGE_PART = 4294967295;

/**
 * Two parts of 16 bits or three of 32.
 * @throws Error whose message reads on after the field's name.
 */
export function parseCommunity(text: string): number[] {
  const parts = COMMUNITY.exec(text)
    ?.slice(1)
    .filter((part) => part !== undefined);
  const limit = parts?.length === 3 ? MAX_LARGE_PART : MAX_PART;
  if (parts === undefined || parts.some((part) => Number(part) > limit))
    throw new Error(
      `${JSON.stringify(text)} is not a community: write aa:nn with both at most ${MAX_PART}, or aa:nn:mm with each at most ${MAX_LARGE_PART}`,
    );
  return parts.map(Number);
}

export function isCommunity(text: string): boolean {
  try {
    parseCommunity(text);
    return true;
  } catch {
    return false;
  }
}
