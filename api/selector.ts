/**
 * Calico's selector language over labels:
 *
 *     all()   global()   has(key)   !has(key)   a && b   a || b   ( … )
 *     key == 'v'   key != 'v'   key in {'v', 'w'}   key not in {'v'}
 *     key contains 'v'   key starts with 'v'   key ends with 'v'
 *
 * `!=` and `not in` also select what lacks the key.
 */

export type Labels = Readonly<Record<string, string>>;
export type Selector = (labels: Labels) => boolean;

/** A selector is a person's line of text; nesting beyond this is an attack on the stack. */
const MAX_DEPTH = 50;

const TOKEN = /\s*(?:(&&|\|\||==|!=|[!(){},])|(?:'([^']*)'|"([^"]*)")|([A-Za-z0-9_./-]+))|\s*(\S)/y;

type Token =
  | { kind: 'symbol' | 'string' | 'word'; text: string; at: number }
  | { kind: 'end'; text: ''; at: number };

/**
 * Compiles `text`. Empty text selects everything, as all() does.
 * @throws Error whose message reads on after the field's name.
 */
export function parseSelector(text: string): Selector {
  if (text.trim() === '') return () => true;
  const tokens = tokenize(text);
  let next = 0;
  let depth = 0;

  const selector = either();
  if (tokens[next]!.kind !== 'end') throw fault('"&&", "||" or the end');
  return selector;

  function either(): Selector {
    const terms = [both()];
    while (takes('||')) terms.push(both());
    return terms.length === 1 ? terms[0]! : (labels) => terms.some((term) => term(labels));
  }

  function both(): Selector {
    const terms = [one()];
    while (takes('&&')) terms.push(one());
    return terms.length === 1 ? terms[0]! : (labels) => terms.every((term) => term(labels));
  }

  function one(): Selector {
    if (++depth > MAX_DEPTH) throw new Error(`nests deeper than ${MAX_DEPTH} levels`);
    const term = negationGroupOrTest();
    depth--;
    return term;
  }

  function negationGroupOrTest(): Selector {
    if (takes('!')) {
      const negated = one();
      return (labels) => !negated(labels);
    }
    if (takes('(')) {
      const inner = either();
      expect(')');
      return inner;
    }
    const key = take('word', 'all(), has(key) or a label');
    if (takes('(')) return call(key);
    return comparison(key);
  }

  function call(name: string): Selector {
    if (name === 'has') {
      const key = take('word', 'a label');
      expect(')');
      return (labels) => Object.hasOwn(labels, key);
    }
    if (name !== 'all' && name !== 'global')
      throw new Error(
        `${JSON.stringify(text)} is not a selector: there is no ${name}(), only all(), global() and has(key)`,
      );
    expect(')');
    return name === 'all' ? () => true : () => false;
  }

  function comparison(key: string): Selector {
    const value = (labels: Labels) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
    if (takes('==')) {
      const wanted = take('string', 'a quoted value');
      return (labels) => value(labels) === wanted;
    }
    if (takes('!=')) {
      const unwanted = take('string', 'a quoted value');
      return (labels) => value(labels) !== unwanted;
    }
    const operator = take(
      'word',
      'an operator (==, !=, in, not in, contains, starts with, ends with)',
    );
    switch (operator) {
      case 'in': {
        const wanted = set();
        return (labels) => wanted.has(value(labels) as string);
      }
      case 'not': {
        word('in');
        const unwanted = set();
        return (labels) => !unwanted.has(value(labels) as string);
      }
      case 'contains': {
        const part = take('string', 'a quoted value');
        return (labels) => value(labels)?.includes(part) ?? false;
      }
      case 'starts': {
        word('with');
        const part = take('string', 'a quoted value');
        return (labels) => value(labels)?.startsWith(part) ?? false;
      }
      case 'ends': {
        word('with');
        const part = take('string', 'a quoted value');
        return (labels) => value(labels)?.endsWith(part) ?? false;
      }
      default:
        next--;
        throw fault('an operator (==, !=, in, not in, contains, starts with, ends with)');
    }
  }

  function set(): Set<string> {
    expect('{');
    const values = new Set<string>();
    if (takes('}')) return values;
    do values.add(take('string', 'a quoted value'));
    while (takes(','));
    expect('}');
    return values;
  }

  function takes(symbol: string): boolean {
    const token = tokens[next]!;
    if (token.kind !== 'symbol' || token.text !== symbol) return false;
    next++;
    return true;
  }

  function expect(symbol: string): void {
    if (!takes(symbol)) throw fault(JSON.stringify(symbol));
  }

  function take(kind: 'string' | 'word', wanted: string): string {
    const token = tokens[next]!;
    if (token.kind !== kind) throw fault(wanted);
    next++;
    return token.text;
  }

  function word(wanted: string): void {
    const token = tokens[next]!;
    if (token.kind !== 'word' || token.text !== wanted) throw fault(JSON.stringify(wanted));
    next++;
  }

  function fault(wanted: string): Error {
    const token = tokens[next]!;
    const found = token.kind === 'end' ? 'it ends' : `${JSON.stringify(token.text)} stands`;
    return new Error(
      `${JSON.stringify(text)} is not a selector: ${found} at position ${token.at + 1}, where ${wanted} is expected`,
    );
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const [, symbol, single, double, word, stray] = match;
    const at = TOKEN.lastIndex - match[0].trimStart().length;
    end = TOKEN.lastIndex;
    const string = single ?? double;
    if (stray !== undefined)
      throw new Error(
        `${JSON.stringify(text)} is not a selector: ${JSON.stringify(stray)} at position ${at + 1} does not belong there`,
      );
    if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol, at });
    else if (string !== undefined) tokens.push({ kind: 'string', text: string, at });
    else tokens.push({ kind: 'word', text: word!, at });
  }
  tokens.push({ kind: 'end', text: '', at: Math.max(end, text.trimEnd().length) });
  return tokens;
}
