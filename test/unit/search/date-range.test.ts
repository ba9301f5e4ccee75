import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dateRange } from '../../../src/search/date-range.js';

const iso = (text: string) => {
  const range = dateRange(text);
  return range && [new Date(range.low).toISOString(), new Date(range.high).toISOString()];
};

describe('the time a date covers', () => {
  test.each([
    ['2013', '2013-01-01T00:00:00.000Z', '2014-01-01T00:00:00.000Z'],
    ['2013-12', '2013-12-01T00:00:00.000Z', '2014-01-01T00:00:00.000Z'],
    ['2012-02-29', '2012-02-29T00:00:00.000Z', '2012-03-01T00:00:00.000Z'],
    ['2013-01-14T10:00', '2013-01-14T10:00:00.000Z', '2013-01-14T10:01:00.000Z'],
    ['2013-01-14T10:00:05Z', '2013-01-14T10:00:05.000Z', '2013-01-14T10:00:06.000Z'],
    ['2013-01-14T10:00:05.1Z', '2013-01-14T10:00:05.100Z', '2013-01-14T10:00:05.200Z'],
    ['2013-01-14T10:00:05.123456Z', '2013-01-14T10:00:05.123Z', '2013-01-14T10:00:05.124Z'],
    ['2013-01-14T10:00:00+02:00', '2013-01-14T08:00:00.000Z', '2013-01-14T08:00:01.000Z'],
    ['2013-01-14T10:00:00 02:00', '2013-01-14T08:00:00.000Z', '2013-01-14T08:00:01.000Z'],
    ['2013-01-14T23:30:00-01:30', '2013-01-15T01:00:00.000Z', '2013-01-15T01:00:01.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z', '2017-01-01T00:00:01.000Z'],
    ['0099-01-01', '0099-01-01T00:00:00.000Z', '0099-01-02T00:00:00.000Z'],
  ])('%s', (text, low, high) => {
    expect(iso(text)).toEqual([low, high]);
  });

  test.each([
    ...['', '13', '2013-', '2013-13', '2013-00', '2013-02-29', '2013-04-31', '2013-1-1', '2013-01-14T', '2013-01-14T10'],
    ...['2013-01-14T24:00:00Z', '2013-01-14T10:60', '2013-01-14T10:00:61Z', '2013-01-14T10:00:00.Z', '2013-01-14T10:00:00+2:00'],
    ...[
      '2013-01-14T10:00:00+15:00',
      '2013-01-14 10:00:00',
      '2013-01-14T10:00:00Zx',
      '20130114',
      'yesterday',
      '2013-01-14T10:00:00.' + '1'.repeat(5000),
    ],
  ])('%s is no date', (text) => {
    expect(dateRange(text)).toBeUndefined();
  });

  test('an instant is found again to the millisecond, in whatever zone it is written', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9000-01-01'), noInvalidDate: true }),
        fc.integer({ min: -840, max: 840 }),
        (date, offset) => {
          const local = new Date(date.getTime() + offset * 60_000).toISOString().replace('Z', '');
          const size = Math.abs(offset);
          const zone = `${offset < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
          expect(dateRange(local + zone)).toEqual({ low: date.getTime(), high: date.getTime() + 1 });
        },
      ),
    );
  });
});
