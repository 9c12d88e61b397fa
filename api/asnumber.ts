/** AS numbers as people write them: 65546, "65546", or asdot "1.10" (RFC 5396). */

const MAX_AS_NUMBER = 4294967295;
const MAX_ASDOT_PART = 65535;

/** @throws Error whose message reads on after the field's name. */
export function parseAsNumber(value: number | string): number {
  const number = typeof value === 'number' ? value : readText(value);
  if (number === 0) throw new Error('0 is reserved and cannot be used as an AS number (RFC 7607)');
  if (number === undefined || !Number.isInteger(number) || number < 0 || number > MAX_AS_NUMBER)
    throw new Error(
      `${JSON.stringify(value)} is not an AS number: write 1 to ${MAX_AS_NUMBER}, or "high.low" with both at most ${MAX_ASDOT_PART}`,
    );
  return number;
}

function readText(text: string): number | undefined {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  const [, high, low] = /^(\d{1,5})\.(\d{1,5})$/.exec(text) ?? [];
  if (Number(high) > MAX_ASDOT_PART || Number(low) > MAX_ASDOT_PART) return undefined;
  return high === undefined ? undefined : Number(high) * 65536 + Number(low);
}
