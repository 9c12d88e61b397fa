/** Label and field selectors of a list or watch, in kube's grammar. */
import { badRequest } from './status.ts';

/** What selectors look at. */
export interface Selectable {
  labels: Readonly<Record<string, string>>;
  /** By path, `spec.nodeName`: every field that the resource can be selected by. */
  fields: Readonly<Record<string, string>>;
}

export type Requirement = (object: Selectable) => boolean;

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const KEY_PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_KEY_PREFIX = 253;

/** Whether `key` is a label's key: `name` or `example.com/name`. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash === -1) return NAME.test(key);
  const prefix = key.slice(0, slash);
  return (
    prefix.length <= MAX_KEY_PREFIX && KEY_PREFIX.test(prefix) && NAME.test(key.slice(slash + 1))
  );
}

export function isLabelValue(value: string): boolean {
  return value === '' || NAME.test(value);
}

const TOKEN = /\s*(?:(!=|==|=|!|,|\(|\)|<|>)|([^\s!=,()<>]+))\s*/y;

/**
 * `app=web,tier in (a, b),!legacy,weight>3`
 * @throws ApiError 400 that says what cannot be read.
 */
export function parseLabelSelector(text: string): Requirement[] {
  const tokens = tokenize(text);
  const requirements: Requirement[] = [];
  let next = 0;
  while (next < tokens.length) {
    requirements.push(requirement());
    if (next < tokens.length) expect(',');
    else break;
    if (next === tokens.length) throw unreadable(text, 'it ends with a comma');
  }
  return requirements;

  function requirement(): Requirement {
    if (tokens[next] === '!') {
      next++;
      const absent = key();
      return ({ labels }) => !Object.hasOwn(labels, absent);
    }
    const name = key();
    const operator = tokens[next];
    if (operator === undefined || operator === ',')
      return ({ labels }) => Object.hasOwn(labels, name);
    next++;
    switch (operator) {
      case '=':
      case '==':
        return oneOf(name, [value()]);
      case '!=':
        return noneOf(name, [value()]);
      case 'in':
        return oneOf(name, values());
      case 'notin':
        return noneOf(name, values());
      case '<':
      case '>': {
        const limit = integer(value());
        const sign = operator === '<' ? -1 : 1;
        return ({ labels }) =>
          Object.hasOwn(labels, name) &&
          /^-?\d+$/.test(labels[name]!) &&
          sign * (Number(labels[name]) - limit) > 0;
      }
      default:
        throw unreadable(text, `"${operator}" is no operator: use =, !=, in, notin, < or >`);
    }
  }

  function key(): string {
    const token = tokens[next++];
    if (token === undefined || !isLabelKey(token))
      throw unreadable(text, `"${token ?? ''}" is no label key`);
    return token;
  }

  /** The value after an operator; none at all means the empty value, as in `a=,b`. */
  function value(): string {
    const token = tokens[next];
    if (token === undefined || token === ',' || token === ')') return '';
    next++;
    if (!isLabelValue(token)) throw unreadable(text, `"${token}" is no label value`);
    return token;
  }

  function values(): string[] {
    expect('(');
    const all = [value()];
    while (tokens[next] === ',') {
      next++;
      all.push(value());
    }
    expect(')');
    return all;
  }

  function expect(token: string): void {
    if (tokens[next] !== token)
      throw unreadable(text, `"${token}" is missing before "${tokens[next] ?? ''}"`);
    next++;
  }

  function integer(digits: string): number {
    if (!/^-?\d+$/.test(digits)) throw unreadable(text, `"${digits}" is no whole number`);
    return Number(digits);
  }
}

/** Repeats are rare and the sets small: a list is enough. */
function oneOf(key: string, values: readonly string[]): Requirement {
  return ({ labels }) => Object.hasOwn(labels, key) && values.includes(labels[key]!);
}

/** True also where the label is absent, as kube has it. */
function noneOf(key: string, values: readonly string[]): Requirement {
  return ({ labels }) => !Object.hasOwn(labels, key) || !values.includes(labels[key]!);
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      if (text.slice(at).trim() === '') break;
      throw unreadable(text, `at "${text.slice(at)}"`);
    }
    tokens.push(match[1] ?? match[2]!);
  }
  return tokens;
}

function unreadable(text: string, why: string) {
  return badRequest(`unable to parse label selector ${JSON.stringify(text)}: ${why}`);
}

export interface FieldTerm {
  field: string;
  value: string;
  negated: boolean;
}

/**
 * `metadata.name=n1,status.phase!=Failed`; `\` escapes a comma, `=` or `\` in a value.
 * @param supported The fields that the resource can be selected by.
 * @throws ApiError 400
 */
export function parseFieldSelector(text: string, supported: readonly string[]): FieldTerm[] {
  const terms: FieldTerm[] = [];
  for (const part of splitUnescaped(text)) {
    if (part.trim() === '') continue;
    const [, field, operator, escaped] = /^([^=!]+)(!=|==|=)(.*)$/s.exec(part.trim()) ?? [];
    if (field === undefined || escaped === undefined)
      throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    if (!supported.includes(field))
      throw badRequest(
        `field label not supported: ${field} (supported here: ${supported.join(', ')})`,
      );
    terms.push({ field, value: unescaped(escaped), negated: operator === '!=' });
  }
  return terms;
}

export function fieldRequirement({ field, value, negated }: FieldTerm): Requirement {
  return ({ fields }) => ((fields[field] ?? '') === value) !== negated;
}

function splitUnescaped(text: string): string[] {
  return text.match(/(?:\\.|[^,\\])+/gs) ?? [];
}

function unescaped(text: string): string {
  return text.replace(/\\([\\,=])/g, '$1');
}
