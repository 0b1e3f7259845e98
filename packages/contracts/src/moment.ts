/**
 * A date of ISO 8601's calendar in whole, alone or with a time to the hour, minute, second or a
 * fraction of it, and the time with a zone or without; each in the form with signs between or in
 * the one without.
 */
const DATE = /^(\d{4})(-?)(\d\d)\2(\d\d)$/;
const TIME = /^(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/** What is told of text that `momentMs` takes for none. */
export const MOMENT_FORM = 'a date, or a date and time, of ISO 8601, as in 2026-12-01T08:00:00Z';

/**
 * When a date, or a date and time, of ISO 8601 is, in ms since 1970, a fraction of one rounded up.
 * Without a zone it is in UTC, and a date alone is its beginning. Undefined for other text, digits
 * alone among it, and for a day, hour or offset that there is not.
 */
export const momentMs = (text: string): number | undefined => {
  const [date = '', time, ...more] = text.split(/t/i);
  if (more.length > 0 || /^\d+$/.test(text)) return undefined;
  const dayMs = dayOf(date);
  const withinMs = time === undefined ? 0 : timeOf(time);
  return dayMs === undefined || withinMs === undefined ? undefined : dayMs + withinMs;
};

const dayOf = (text: string): number | undefined => {
  const [, year, , month, day] = DATE.exec(text) ?? [];
  const date = `${year}-${month}-${day}`;
  const ms = Date.parse(`${date}T00:00:00Z`);
  // Date takes the 31st of February for the 3rd of March.
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date) ? ms : undefined;
};

/** From the beginning of the day in UTC, in ms. */
const timeOf = (text: string): number | undefined => {
  const [, hours, minutes = '00', seconds = '00', fraction = '0', zone = 'Z'] =
    TIME.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const clockMs = clockOf(hours, minutes, seconds);
  const offsetMs = offsetOf(zone);
  if (clockMs === undefined || offsetMs === undefined) return undefined;
  return clockMs - offsetMs + Math.ceil(Number(`0.${fraction}`) * 1_000);
};

const clockOf = (hours: string, minutes: string, seconds = '00'): number | undefined => {
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  return h < 24 && m < 60 && s < 60 ? ((h * 60 + m) * 60 + s) * 1_000 : undefined;
};

const offsetOf = (zone: string): number | undefined => {
  if (zone.length === 1) return 0;
  const ms = clockOf(zone.slice(1, 3), zone.slice(3).replace(':', '') || '00');
  return ms === undefined ? undefined : zone.startsWith('-') ? -ms : ms;
};
