/** What goes wrong between us and the API server, as codes for programs and sentences for people. */
import type { StoreError } from '../../ports.ts';

export type StoreErrorCode = StoreError['code'];

/** A reference to the offending field, from a Status' details. */
export interface StatusCause {
  field?: string;
  message?: string;
  reason?: string;
}

export class DatastoreError extends Error implements StoreError {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  readonly causes: readonly StatusCause[];
  /** Milliseconds after which the server asked to be tried again. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: StoreErrorCode,
    message: string,
    options: {
      status?: number;
      causes?: readonly StatusCause[];
      retryAfterMs?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.causes = options.causes ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

const CODES: ReadonlySet<unknown> = new Set<StoreErrorCode>([
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Invalid',
  'Expired',
  'Unauthorized',
  'Forbidden',
  'Unavailable',
]);

/** The `code` of any Store's error; undefined for other errors. */
export function storeErrorCode(error: unknown): StoreErrorCode | undefined {
  const code = (error as Partial<StoreError> | null | undefined)?.code;
  return CODES.has(code) ? code : undefined;
}

interface Status {
  kind?: string;
  reason?: string;
  message?: string;
  details?: { causes?: StatusCause[]; retryAfterSeconds?: number };
}

const CODE_OF_REASON: Record<string, StoreErrorCode> = {
  NotFound: 'NotFound',
  AlreadyExists: 'AlreadyExists',
  Conflict: 'Conflict',
  Invalid: 'Invalid',
  BadRequest: 'Invalid',
  UnsupportedMediaType: 'Invalid',
  MethodNotAllowed: 'Invalid',
  NotAcceptable: 'Invalid',
  RequestEntityTooLarge: 'Invalid',
  Expired: 'Expired',
  Gone: 'Expired',
  Unauthorized: 'Unauthorized',
  Forbidden: 'Forbidden',
};

const CODE_OF_HTTP: Record<number, StoreErrorCode> = {
  400: 'Invalid',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  413: 'Invalid',
  415: 'Invalid',
  422: 'Invalid',
};

/** Where a request went and with which credentials, for the reader of an error. */
export interface Origin {
  /** "https://10.0.0.1:6443" */
  server: string;
  /** Where address and credentials are from: a file's path, or "the service account …". */
  source: string;
}

const MAX_BODY_QUOTED = 300;

/** An answer that is not a success. `asked` names the request: `GET ippools "a"`. */
export function answerError(
  origin: Origin,
  asked: string,
  answer: { status: number; body: unknown; retryAfter?: string | undefined },
): DatastoreError {
  const status = asStatus(answer.body);
  const seconds = Number(answer.retryAfter ?? status?.details?.retryAfterSeconds);
  const options = {
    status: answer.status,
    causes: status?.details?.causes ?? [],
    retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
  };
  if (answer.status === 404 && !status)
    return new DatastoreError(
      'Unavailable',
      `${asked}: ${origin.server} does not serve this kind. Are the CRDs installed? "tortie crds" prints them for kubectl apply -f -`,
      options,
    );
  const code = CODE_OF_REASON[status?.reason ?? ''] ?? CODE_OF_HTTP[answer.status] ?? 'Unavailable';
  const said = status?.message ?? String(answer.body ?? '').slice(0, MAX_BODY_QUOTED);
  const text = `${asked}: ${said || `HTTP status ${answer.status}`}`;
  if (code === 'Unauthorized')
    return new DatastoreError(
      code,
      `${text}: ${origin.server} does not accept the credentials from ${origin.source}. They may have expired, or belong to another cluster; get new ones`,
      options,
    );
  return new DatastoreError(code, `${text} (${origin.server})`, options);
}

function asStatus(body: unknown): Status | undefined {
  return typeof body === 'object' && body !== null && (body as Status).kind === 'Status'
    ? (body as Status)
    : undefined;
}

/** An ERROR event of a watch, which carries a Status. */
export function watchError(origin: Origin, asked: string, object: unknown): DatastoreError {
  const { code } = (object ?? {}) as { code?: number };
  return answerError(origin, asked, { status: code ?? 500, body: object });
}

/** No answer at all: the connection's error, with what it usually means. */
export function connectionError(origin: Origin, asked: string, cause: unknown): DatastoreError {
  const { code = '', message = String(cause) } = cause as { code?: string; message?: string };
  return new DatastoreError(
    'Unavailable',
    `${asked}: ${meaning(code, message, origin)} (address from ${origin.source})`,
    { cause },
  );
}

export function deadlineError(origin: Origin, asked: string, deadlineMs: number): DatastoreError {
  return new DatastoreError(
    'Unavailable',
    `${asked}: ${origin.server} did not answer within ${deadlineMs / 1000} s. Is it overloaded, or does a firewall drop the packets? (address from ${origin.source})`,
  );
}

/** OpenSSL's and Node's names for "the certificate is not one that your CA vouches for". */
const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

function meaning(code: string, message: string, { server }: Origin): string {
  if (UNTRUSTED.has(code))
    return `the certificate of ${server} is not signed by the CA that we were given. Was the server set up anew, or is this another server? Take the CA (certificate-authority) from it again`;
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${server}. Is the API server running there?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name in ${server} has no address. Check the spelling and the DNS`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `no way to ${server} (${code}). Check the route and the firewall`;
    case 'CERT_HAS_EXPIRED':
      return `the certificate of ${server} has expired. Renew it, and check the clocks`;
    case 'CERT_NOT_YET_VALID':
      return `the certificate of ${server} is not valid yet. Check the clocks`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate of ${server} is for other names. Use one of them in the kubeconfig, or set tls-server-name. ${message}`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'EPROTO':
      return `${server} does not speak TLS. Is it an http:// address?`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${server} closed the connection`;
    default:
      return `${server} cannot be reached: ${message}`;
  }
}
