/**
 * Whether a request may be from a browser that was led here. A page of another site whose name was
 * made to resolve to our address (DNS rebinding) sends that name as Host; any page's script sends
 * its Origin. Clients of the Kubernetes API do neither.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { ApiError } from './status.ts';

/** @throws ApiError 403 @param names The host names, beside any address, that we go by. */
export function checkOrigin(headers: IncomingHttpHeaders, names: ReadonlySet<string>): void {
  const host = hostOf(headers.host ?? '');
  if (!isIP(host) && !names.has(host.toLowerCase()))
    throw refused(
      `the Host header names ${JSON.stringify(host)}: use an address of this server, or one of ${[...names].join(', ')}`,
    );
  if (headers.origin !== undefined) throw refused('requests of web pages are not served');
}

/** Without the port and an IPv6 address's brackets. */
function hostOf(header: string): string {
  const [, v6, other] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(header) ?? [];
  return v6 ?? other ?? header;
}

function refused(why: string): ApiError {
  return new ApiError(403, 'Forbidden', why);
}
