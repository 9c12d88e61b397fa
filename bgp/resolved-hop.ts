import { ATTRIBUTE, type AttributeView, isLinkLocal, NO_ZONE, zoneOf } from 'bgp-parser-ts';

/**
 * Where in the view's bytes the address begins that its routes are resolved by. Of the two of RFC 2545
 * §3 that is the link-local one on the link of the session that brought it, and the global one else.
 */
export function resolvedHop(view: AttributeView): number {
  const start = view.start(ATTRIBUTE.NEXT_HOP);
  if (view.nextHopLength !== 32) return start;
  const { bytes } = view;
  const second = start + 16;
  return isLinkLocal(bytes, second) && zoneOf(bytes, second) !== NO_ZONE ? second : start;
}
