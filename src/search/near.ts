import type { JsonObject } from '../fhir/json-object.js';
import { splitUnescaped, unescapeValue } from './query-text.js';
import type { ClauseValue } from './query.js';
import type { PositionValue, SearchParameter } from './values.js';

/** The one special parameter that finds values in resources. https://hl7.org/fhir/R4B/location.html#positional */
export const isNear = ({ url }: Pick<SearchParameter, 'url'>) => url === 'http://hl7.org/fhir/SearchParameter/Location-near';

/** What is near where no distance is asked for, in kilometers. */
const NEAR_KILOMETERS = 50;
const EARTH_KILOMETERS = 6371;

/** Kilometers of each unit, by the codes of UCUM and what people write. */
const UNITS: Readonly<Record<string, number>> = { km: 1, m: 0.001, '[mi_i]': 1.609344, '[mi_us]': 1.609347219, mi: 1.609344 };

const NUMBER = /^[+-]?\d{1,20}(\.\d{1,20})?$/;

/** `latitude|longitude|distance|unit`; undefined for what is none. Without a unit the distance is in kilometers. */
export function parseNear(text: string): (ClauseValue & { type: 'near' }) | undefined {
  const parts = splitUnescaped(text, '|').map(unescapeValue);
  const [latitude = '', longitude = '', distance = '', unit = ''] = parts;
  const perUnit = UNITS[unit === '' ? 'km' : unit];
  if (parts.length < 2 || parts.length > 4 || ![latitude, longitude].every((each) => NUMBER.test(each))) return undefined;
  if (perUnit === undefined || !(distance === '' || NUMBER.test(distance))) return undefined;
  const center = { latitude: Number(latitude), longitude: Number(longitude) };
  const kilometers = distance === '' ? NEAR_KILOMETERS : Number(distance) * perUnit;
  if (Math.abs(center.latitude) > 90 || Math.abs(center.longitude) > 180 || kilometers < 0) return undefined;
  return { type: 'near', center, kilometers, text: `${latitude}|${longitude}|${String(kilometers)}|km` };
}

export const readPosition = (node: unknown, sink: PositionValue[]): void => {
  const { latitude, longitude } = node as JsonObject;
  if (typeof latitude === 'number' && typeof longitude === 'number') sink.push({ latitude, longitude });
};

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Along the surface of a round earth: up to half a percent beside the way on the real one. */
function kilometersBetween(a: PositionValue, b: PositionValue): number {
  const [north, east] = [radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)];
  const half = Math.sin(north / 2) ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(east / 2) ** 2;
  return 2 * EARTH_KILOMETERS * Math.asin(Math.min(1, Math.sqrt(half)));
}

export function isWithin({ center, kilometers }: ClauseValue & { type: 'near' }, position: PositionValue): boolean {
  return kilometersBetween(center, position) <= kilometers;
}

/** The latitudes between which everything lies that is so near: what an index narrows down to. A little wider than it need be. */
export function latitudesNear({ center, kilometers }: ClauseValue & { type: 'near' }): { south: number; north: number } {
  const degrees = (kilometers / EARTH_KILOMETERS / Math.PI) * 180 + 1e-6;
  return { south: center.latitude - degrees, north: center.latitude + degrees };
}
