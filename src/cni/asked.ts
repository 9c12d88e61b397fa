/** Addresses and MAC addresses that somebody asks for in text: annotations of pods, arguments of runtimes. */
import { type Address, AddressError, parseAddress } from 'net-ipaddr';
import { HOST_MAC } from '../../felix/endpoint/endpoint.ts';

/** One of a family at most. @throws what `fault` makes of the sentence that says what is wrong. */
export function readAddresses(
  texts: readonly string[],
  fault: (reason: string) => Error,
): readonly Address[] {
  const addresses = texts.map((text) => {
    try {
      return parseAddress(text);
    } catch (error) {
      if (error instanceof AddressError) throw fault(error.message);
      throw error;
    }
  });
  for (const family of [4, 6] as const) {
    const count = addresses.filter((address) => address.family === family).length;
    if (count > 1) throw fault(`it has ${count} IPv${family} addresses; an interface takes one`);
  }
  return addresses;
}

/** Why a pod's interface can't have this MAC address. */
export function faultOfMac(text: string): string | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    return `${JSON.stringify(text)} is not a MAC address; write six pairs of hexadecimal digits: 02:00:00:12:34:56`;
  // IEEE 802: the lowest bit of the first octet marks a group.
  if ((Number.parseInt(text.slice(0, 2), 16) & 1) === 1)
    return `${text} is a multicast address; the first octet must be even`;
  if (text.toLowerCase() === HOST_MAC)
    return `${text} is the address of the host’s end, the pod’s gateway`;
  return text === '00:00:00:00:00:00' ? `${text} is no interface's address` : undefined;
}
