export interface IssuedToken {
  token: string;
  expires: Date;
}

/** Rights to bind a websocket to subscriptions: short-lived, single use, good in every process of the hub. */
export abstract class WebsocketTokens {
  abstract issue(subscriptionIds: readonly string[], seconds: number): Promise<IssuedToken>;
  /** The subscriptions of a token, which is used up by this; undefined where it is unknown, used or too old. */
  abstract redeem(token: string): Promise<string[] | undefined>;
}
