import { EventParts, type NotifiedVersion } from '../fhir/event-parts.js';
import type { EventContexts } from './event-contexts.js';
import { EventLog, type GroupEvent, type GroupNews, type GroupRange, type Standing } from './event-log.js';

/** The numbered log, its events with the context that their topics add, and as those may see them who are told of them. */
export class EventLogWithContext extends EventLog {
  constructor(
    private readonly log: EventLog,
    private readonly contexts: EventContexts,
    /** Gives back the version itself where all of it may be seen. */
    private readonly show: (version: NotifiedVersion) => NotifiedVersion = (version) => version,
  ) {
    super();
  }

  standings(subscriptionIds: readonly string[]): Promise<Standing[]> {
    return this.log.standings(subscriptionIds);
  }

  async read(ranges: readonly GroupRange[], limit: number): Promise<readonly GroupEvent[]> {
    return this.contexts.addTo((await this.log.read(ranges, limit)).map((event) => this.shown(event)));
  }

  async news(groups: readonly { groupId: number; afterN: number }[], limit: number): Promise<GroupNews[]> {
    const news = (await this.log.news(groups, limit)).map((one) => ({
      ...one,
      events: one.events.map((event) => this.shown(event)),
    }));
    const all = news.flatMap(({ events }) => events);
    const withContext = await this.contexts.addTo(all, news[0]?.topicsWritten);
    if (withContext === all) return news;
    let from = 0;
    return news.map((one) => ({ ...one, events: withContext.slice(from, (from += one.events.length)) }));
  }

  private shown(event: GroupEvent): GroupEvent {
    const focus = this.show(event.focus);
    return focus === event.focus ? event : { ...event, focus, parts: new EventParts(focus) };
  }
}
