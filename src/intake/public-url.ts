/** Where clients reach the hub: scheme, host and port, without a trailing slash. A class so that it can be injected. */
export class PublicUrl {
  constructor(readonly value: string) {}
}
