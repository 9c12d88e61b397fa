/**
 * What the server answers when it does not do what was asked: kube-apiserver's Status objects, in
 * its words, since kubectl prints them and client libraries act on `reason`.
 */
import type { ResourceType } from '../../ports.ts';

export interface Cause {
  /** kube's FieldValue… word. */
  reason: string;
  message: string;
  /** `spec.cidr` */
  field: string;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: Cause[];
    retryAfterSeconds?: number;
  };
  code?: number;
}

/** An answer other than success. `status` is the whole body. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: Status;

  constructor(
    code: number,
    reason: string,
    message: string,
    more: Pick<Status, 'details'> & { metadata?: Status['metadata'] } = {},
  ) {
    super(message);
    const { details, metadata = {} } = more;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code,
    };
  }

  get code(): number {
    return this.status.code!;
  }
}

/** `ippools.projectcalico.org`, or `nodes` in the core group. */
export function qualified(type: ResourceType): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`;
}

/** `IPPool.projectcalico.org`, or `Node`. */
function qualifiedKind(type: ResourceType): string {
  return type.group === '' ? type.kind : `${type.kind}.${type.group}`;
}

function details(type: ResourceType, name: string, kind: string = type.plural) {
  return { ...(name !== '' && { name }), ...(type.group !== '' && { group: type.group }), kind };
}

export function notFound(type: ResourceType, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(type)} "${name}" not found`, {
    details: details(type, name),
  });
}

/** A path that no resource of ours has. */
export function noSuchPath(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {
    details: {},
  });
}

export function alreadyExists(type: ResourceType, name: string): ApiError {
  return new ApiError(409, 'AlreadyExists', `${qualified(type)} "${name}" already exists`, {
    details: details(type, name),
  });
}

export function conflict(type: ResourceType, name: string, why: string): ApiError {
  return new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(type)} "${name}": ${why}`,
    { details: details(type, name) },
  );
}

export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

export function invalid(type: ResourceType, name: string, causes: Cause[]): ApiError {
  const lines = causes.map(({ field, message }) =>
    field === '' ? message : `${field}: ${message}`,
  );
  const all = lines.length === 1 ? lines[0]! : `[${lines.join(', ')}]`;
  return new ApiError(422, 'Invalid', `${qualifiedKind(type)} "${name}" is invalid: ${all}`, {
    details: { ...details(type, name, type.kind), causes },
  });
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

export function forbidden(type: ResourceType, name: string, why: string): ApiError {
  const whose = name === '' ? '' : ` "${name}"`;
  return new ApiError(403, 'Forbidden', `${qualified(type)}${whose} is forbidden: ${why}`, {
    details: details(type, name),
  });
}

export function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    { details: {} },
  );
}

/** The revision asked for is compacted away. `resume` continues the list, inconsistently. */
export function expired(message: string, resume?: string): ApiError {
  return new ApiError(410, 'Expired', message, {
    ...(resume !== undefined && { metadata: { continue: resume } }),
  });
}

export function tooLargeRevision(asked: number, current: number): ApiError {
  return new ApiError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${asked}, current: ${current}`,
    {
      details: {
        causes: [
          {
            reason: 'ResourceVersionTooLarge',
            message: 'Too large resource version',
            field: '',
          },
        ],
        retryAfterSeconds: 1,
      },
    },
  );
}

export function tooManyRequests(message: string): ApiError {
  return new ApiError(429, 'TooManyRequests', message, { details: { retryAfterSeconds: 1 } });
}

export function unavailable(message: string): ApiError {
  return new ApiError(503, 'ServiceUnavailable', message, { details: { retryAfterSeconds: 1 } });
}

/** What should not have happened. The cause is for the log; a client learns that it is not to blame. */
export function internalError(cause: unknown): ApiError {
  const why = (cause as { message?: string } | null)?.message ?? String(cause);
  return new ApiError(500, 'InternalError', `Internal error occurred: ${why}`);
}

/** `Invalid value: "10.0.0.0/99": …`, in kube's form. */
export function invalidValue(field: string, value: unknown, why: string): Cause {
  return {
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${quote(value)}: ${why}`,
    field,
  };
}

export function required(field: string, why: string): Cause {
  return {
    reason: 'FieldValueRequired',
    message: `Required value${why === '' ? '' : `: ${why}`}`,
    field,
  };
}

export function forbiddenValue(field: string, why: string): Cause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field };
}

const MAX_QUOTED = 256;

function quote(value: unknown): string {
  const text =
    typeof value === 'bigint' ? value.toString() : (JSON.stringify(value) ?? 'undefined');
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}
