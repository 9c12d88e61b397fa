/**
 * Rules that hold between fields. Each is written once and checked twice: by us as a function, with
 * a message that can name values, and by a real kube-apiserver as a CEL expression in the CRD.
 */
import type { z } from 'zod';

export interface Rule<T> {
  /** The field that is at fault, from where the rule stands: 'ipipMode'. */
  field?: string;
  holds(value: T): boolean;
  /** Completes the sentence that the field begins: "cannot be set together with nodeSelector". */
  message: string;
  /** The same rule for kube-apiserver. Without it the CRD leaves the rule to us. */
  cel?: string;
}

/** `schema` with rules between its fields. They run only once every field is well-formed. */
export function withRules<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  let checked: S = schema;
  for (const { holds, message, field } of rules) {
    checked = checked.refine(holds, { message, path: field === undefined ? [] : [field] }) as S;
  }
  const validations = celRules(rules);
  return validations.length === 0
    ? checked
    : (checked.meta({ 'x-kubernetes-validations': validations }) as S);
}

/** What x-kubernetes-validations says of the rules that kube-apiserver can hold. */
export function celRules(rules: readonly Pick<Rule<never>, 'cel' | 'field' | 'message'>[]) {
  return rules.flatMap(({ cel, field, message }) => {
    if (cel === undefined) return [];
    if (field === undefined) return [{ rule: cel, message }];
    return [{ rule: cel, message: `${field} ${message}`, fieldPath: `.${field}` }];
  });
}

/** Go's clients write an unset string as absent, people sometimes as "": both mean unset. */
export function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

/** CEL for `isSet`. */
export function celIsSet(field: string): string {
  return `(has(self.${field}) && size(self.${field}) > 0)`;
}
