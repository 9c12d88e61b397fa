import { InvalidArgumentError } from 'commander';

/** Of a command line: how often. */
export function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('write a number from 1.');
  return count;
}
