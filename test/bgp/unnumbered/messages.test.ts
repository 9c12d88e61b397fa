/** RFC 4861 §6.1: which router messages are taken, and which are discarded. */

import { parseAddress } from 'net-ipaddr';
import {
  ADVERTISEMENT,
  readRouterMessage,
  SOLICITATION,
} from '../../../bgp/unnumbered/messages.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('RFC 4861 §4.1, §4.2: what we send: no default router, nothing specified', () => {
  expect(hex(SOLICITATION)).toBe('8500000000000000');
  expect(hex(ADVERTISEMENT)).toBe('86000000000000000000000000000000');
});

const ADVERTISED = '8600abcd 40000708 00000000 00000000';
const SOLICITED = '8500abcd 00000000';
const LINK_LAYER = '0101 020000000001';
const PREFIX = '0304 4080 00278d00 00093a80 00000000 20010db8 00000000 00000000 00000000';

test.each<[string, string, string, number, string | undefined]>([
  ['an advertisement', ADVERTISED, 'fe80::1', 255, 'advertisement'],
  ['… with options', `${ADVERTISED} ${LINK_LAYER} ${PREFIX}`, 'fe80::1', 255, 'advertisement'],
  ['§6.1.2: from another link', ADVERTISED, 'fe80::1', 254, undefined],
  ['§6.1.2: from an address that is not link-local', ADVERTISED, '2001:db8::1', 255, undefined],
  ['§6.1.2: of a code', '8601abcd 40000708 00000000 00000000', 'fe80::1', 255, undefined],
  ['§6.1.2: shorter than 16 octets', '8600abcd 40000708 00000000', 'fe80::1', 255, undefined],
  ['§6.1.2: an option of length 0', `${ADVERTISED} 0100 020000000001`, 'fe80::1', 255, undefined],
  ['an option beyond the end', `${ADVERTISED} 0102 020000000001`, 'fe80::1', 255, undefined],
  ['half of an option’s head', `${ADVERTISED} 01`, 'fe80::1', 255, undefined],
  ['a solicitation', SOLICITED, 'fe80::1', 255, 'solicitation'],
  ['… from who has no address yet', SOLICITED, '::', 255, 'solicitation'],
  ['… with its link-layer address', `${SOLICITED} ${LINK_LAYER}`, 'fe80::1', 255, 'solicitation'],
  ['§6.1.1: which it must not name without', `${SOLICITED} ${LINK_LAYER}`, '::', 255, undefined],
  ['§6.1.1: from another link', SOLICITED, 'fe80::1', 64, undefined],
  ['§6.1.1: shorter than 8 octets', '8500abcd', 'fe80::1', 255, undefined],
  ['another message', '8700abcd 00000000', 'fe80::1', 255, undefined],
  ['nothing at all', '', 'fe80::1', 255, undefined],
])('%s', (_, text, source, hopLimit, expected) => {
  const bytes = Buffer.from(text.replaceAll(' ', ''), 'hex');
  expect(readRouterMessage(bytes, parseAddress(source), hopLimit)).toBe(expected);
});
