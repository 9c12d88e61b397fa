import { TopologyError } from './topology.ts';

const WORD = /\s*(?:((?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)|$)/gy;

/** Splits a command line as a shell does: words, 'single' and "double" quotes, backslash. Nothing is expanded. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let end = 0;
  for (const match of line.matchAll(WORD)) {
    end = match.index + match[0].length;
    if (match[1] !== undefined) words.push(unquote(match[1]));
  }
  if (end < line.length) throw new TopologyError(`a quote is not closed in: ${line}`);
  return words;
}

function unquote(word: string): string {
  return word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single, double, escaped) =>
    single !== undefined
      ? single
      : double !== undefined
        ? double.replace(/\\(["\\$`])/g, '$1')
        : escaped,
  );
}
