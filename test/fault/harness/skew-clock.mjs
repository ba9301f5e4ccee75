/** Preloaded into a hub (`NODE_OPTIONS=--import=…`): its clock of the day is CLOCK_SKEW_SECONDS off. Timers and `performance` are not. */
const skew = Number(process.env.CLOCK_SKEW_SECONDS) * 1000;
const RealDate = Date;

globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + skew);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + skew;
  }
};
