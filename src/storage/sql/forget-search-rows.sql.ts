import type { Sql } from '../database.js';

/** Takes the range and prefix keys of the resources $1 away before their new ones are written. Served by the `_rid` indexes. */
export const FORGET_SEARCH_ROWS: Sql = {
  name: 'forget-search-rows',
  text: `
  WITH dates AS (DELETE FROM search_date WHERE rid = ANY ($1::bigint[])),
    numbers AS (DELETE FROM search_number WHERE rid = ANY ($1::bigint[])),
    quantities AS (DELETE FROM search_quantity WHERE rid = ANY ($1::bigint[])),
    strings AS (DELETE FROM search_string WHERE rid = ANY ($1::bigint[]))
  SELECT`,
};
