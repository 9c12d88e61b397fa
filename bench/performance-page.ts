/** docs/performance.md: a section a benchmark, each replaced as a whole by its next run. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(import.meta.dirname, '..', 'docs', 'performance.md');

const INTRODUCTION = `# Performance

Measured by \`npm run bench\`, which writes this page: every number can be had again with one command. Numbers of
different machines or dates say little to each other; what counts is the ratio within one run.
`;

/** Puts `markdown` below the heading `## title`, in place of what stood there. Returns the page's path. */
export function writeSection(title: string, markdown: string): string {
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : INTRODUCTION;
  const [introduction = '', ...sections] = page.split(/^(?=## )/m);
  const heading = `## ${title}\n`;
  const section = `${heading}\n${markdown.trim()}\n`;
  const at = sections.findIndex((one) => one.startsWith(heading));
  if (at < 0) sections.push(section);
  else sections[at] = section;
  const text = [introduction, ...sections].map((one) => one.trim()).join('\n\n');
  writeFileSync(PAGE, `${text}\n`);
  return PAGE;
}

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
