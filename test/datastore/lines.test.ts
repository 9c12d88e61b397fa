import fc from 'fast-check';
import { LineSplitter } from '../../src/datastore/lines.ts';

test('lines come out whole, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'grapheme', minLength: 1 }).filter((line) => !line.includes('\n')),
      ),
      fc.array(fc.nat({ max: 20 }), { minLength: 1 }),
      (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter(10_000);
        const found: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = 1 + cuts[i % cuts.length]!;
          found.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(found).toEqual(lines);
      },
    ),
  );
});

test('a line beyond the bound is an error, in one chunk or in many', () => {
  expect(() => [...new LineSplitter(4).push(Buffer.from('12345\n'))]).toThrow(
    'longer than 4 bytes',
  );
  const splitter = new LineSplitter(4);
  expect([...splitter.push(Buffer.from('1234\n123'))]).toEqual(['1234']);
  expect(() => [...splitter.push(Buffer.from('45'))]).toThrow('longer than 4 bytes');
});
