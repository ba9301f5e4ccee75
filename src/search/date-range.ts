import type { DateValue } from './values.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

/**
 * The time that a date, dateTime or instant covers, by its precision; undefined for what is none. Without a zone it is taken as UTC, so
 * that the same text means the same time on every machine. A seconds' fraction is cut to milliseconds.
 */
export function dateRange(text: string): DateValue | undefined {
  const { length } = text;
  const year = digits(text, 0, 4);
  if (year < 0) return undefined;
  if (length === 4) return { low: utc(year, 0, 1), high: utc(year + 1, 0, 1) };
  const month = digits(text, 5, 2);
  if (text[4] !== '-' || month < 1 || month > 12) return undefined;
  if (length === 7) return { low: utc(year, month - 1, 1), high: utc(year, month, 1) };
  const day = digits(text, 8, 2);
  if (text[7] !== '-' || day < 1 || day > daysIn(year, month)) return undefined;
  const start = utc(year, month - 1, day);
  if (length === 10) return { low: start, high: start + DAY };
  return text[10] === 'T' ? timeRange(text, start) : undefined;
}

/** `hh:mm[:ss[.fraction]][zone]` from the 11th character on. */
function timeRange(text: string, day: number): DateValue | undefined {
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  if (hour < 0 || hour > 23 || text[13] !== ':' || minute < 0 || minute > 59) return undefined;
  let at = 16;
  let low = day + hour * 60 * MINUTE + minute * MINUTE;
  let width = MINUTE;
  if (text[at] === ':') {
    const second = digits(text, 17, 2);
    if (second < 0 || second > 60) return undefined; // 60 is a leap second
    low += second * 1000;
    width = 1000;
    at = 19;
    if (text[at] === '.') {
      const from = at + 1;
      do at++;
      while (isDigit(text.charCodeAt(at)));
      if (at === from || at - from > 20) return undefined;
      const known = Math.min(at - from, 3);
      low += digits(text, from, known) * 10 ** (3 - known);
      width = 10 ** (3 - known);
    }
  }
  const offset = zoneOffset(text, at);
  return offset === undefined ? undefined : { low: low - offset, high: low - offset + width };
}

/** A space stands for the `+` that form decoding took away. */
function zoneOffset(text: string, at: number): number | undefined {
  if (at === text.length) return 0;
  const sign = text[at];
  if (sign === 'Z') return at + 1 === text.length ? 0 : undefined;
  if (sign !== '+' && sign !== '-' && sign !== ' ') return undefined;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  if (text[at + 3] !== ':' || hours < 0 || hours > 14 || minutes < 0 || minutes > 59 || at + 6 !== text.length) return undefined;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * MINUTE;
}

/** The number that `count` digits from `at` on make, or -1. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const unit = text.charCodeAt(i);
    if (!isDigit(unit)) return -1;
    value = value * 10 + (unit - 48);
  }
  return value;
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
function utc(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month, day);
  return new Date(0).setUTCFullYear(year, month, day);
}
