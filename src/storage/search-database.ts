import { Database } from './database.js';

/**
 * The connections that searches may use, apart from the others: however many slow searches are asked for, writes, reads by id and delivery
 * find a free one. The server cancels a statement that exceeds the time budget.
 */
export class SearchDatabase extends Database {}
