/** Values of a configuration, read and checked: every error names the field and says what to do. */

import {
  AddressError,
  type Family,
  formatZonedAddress,
  parseZonedAddress,
  type ZonedAddress,
} from 'net-ipaddr';
import type { Endpoint } from '../transport/transport.ts';

/** The configuration says something that cannot be. Nothing of it was applied. */
export class ConfigurationError extends Error {
  readonly code = 'ECONFIGURATION';
  override readonly name = 'ConfigurationError';
}

export const MAX_SECONDS = 65_535;
export const MAX_PORT = 65_535;

export function readEndpoint(
  field: string,
  { address, port }: Endpoint,
  leastPort: 0 | 1,
): Endpoint {
  requireInteger(`${field}.port`, port, leastPort, MAX_PORT);
  return { address: formatZonedAddress(readAddress(`${field}.address`, address)), port };
}

export function readOptional(
  field: string,
  text: string | undefined,
  family?: Family,
): ZonedAddress | undefined {
  return text === undefined ? undefined : readAddress(field, text, family);
}

export function readAddress(field: string, text: string, family?: Family): ZonedAddress {
  const address = named(field, () => parseZonedAddress(text));
  if (family !== undefined && address.family !== family) {
    throw new ConfigurationError(`${field} ${text} is not an IPv${family} address`);
  }
  return address;
}

export function named<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof AddressError) throw new ConfigurationError(`${field}: ${error.message}`);
    throw error;
  }
}

export function requireAs(field: string, as: number): void {
  requireInteger(field, as, 1, 4_294_967_295);
}

export function requireInteger(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new ConfigurationError(`${field} ${value} is not a whole number from ${min} to ${max}`);
}
