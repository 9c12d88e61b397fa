/** JSON merge patch, RFC 7396. */
import { isMembers, type Members, setMember } from '../objects.ts';

/** `target` with `patch` merged in. Neither is changed; the result shares what stayed the same. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isMembers(patch)) return patch;
  const result: Members = isMembers(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else
      setMember(
        result,
        name,
        applyMergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value),
      );
  }
  return result;
}
