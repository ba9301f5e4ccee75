import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { joinGroup, leaveGroup } from '../../../src/subscriptions/event-numbering.js';
import { playSteps } from '../../../src/subscriptions/membership-steps.js';
import type { Segment } from '../../../src/subscriptions/segments.js';
import { countsEvents, hubMayMove, type LifecycleState, statusAfterWrite } from '../../../src/subscriptions/status-machine.js';

const statuses = ['requested', 'active', 'error', 'off'] as const;
const states: readonly LifecycleState[] = ['absent', ...statuses, 'deleted'];

describe('the status of a subscription', () => {
  test('there is no path out of deleted, and off is left by a client alone', () => {
    for (const to of states) {
      expect(hubMayMove('deleted', to)).toBe(false);
      expect(hubMayMove('off', to)).toBe(false);
    }
  });

  test('no write of a client makes a rest-hook of a topic active unless it is active and unchanged', () => {
    fc.assert(
      fc.property(
        fc.option(fc.constantFrom(...statuses), { nil: undefined }),
        fc.constantFrom(...statuses),
        fc.boolean(),
        (stored, asked, changed) => {
          const status = statusAfterWrite({ stored, asked, changed, handshake: true });
          if (status === 'active') expect({ stored, changed }).toEqual({ stored: 'active', changed: false });
          if (asked === 'off') expect(status).toBe('off');
          if (status === 'error') expect(stored).toBe('error');
        },
      ),
    );
  });

  test.each([
    [undefined, 'requested', false, 'requested'],
    [undefined, 'active', false, 'requested'],
    [undefined, 'error', false, undefined],
    ['active', 'active', false, 'active'],
    ['active', 'active', true, 'requested'],
    ['error', 'requested', false, 'requested'],
    ['error', 'active', false, 'requested'],
    ['error', 'error', false, 'error'],
    ['error', 'error', true, 'requested'],
    ['off', 'requested', false, 'requested'],
    ['active', 'error', false, undefined],
  ] as const)('stored %s, asked %s, changed %s: %s', (stored, asked, changed, expected) => {
    expect(statusAfterWrite({ stored, asked, changed, handshake: true })).toBe(expected);
  });

  test('where there is no handshake, what is asked for is active at once', () => {
    expect(statusAfterWrite({ asked: 'requested', changed: false, handshake: false })).toBe('active');
    expect(statusAfterWrite({ stored: 'off', asked: 'active', changed: false, handshake: false })).toBe('active');
  });

  test('events count while requested, active or in error, not while off', () => {
    expect(states.filter(countsEvents)).toEqual(['requested', 'active', 'error']);
  });
});

describe('the numbers of its events', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('event' as const), group: fc.constantFrom(1, 2) }),
    fc.record({ kind: fc.constant('join' as const), group: fc.constantFrom(1, 2) }),
    fc.constant({ kind: 'leave' as const }),
  );

  test('are 1, 2, 3 … under any interleaving of joining, leaving and events', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        let segments: readonly Segment[] = [];
        const counters = new Map([
          [1, 0],
          [2, 0],
        ]);
        let current: number | undefined;
        const expected: string[] = [];
        for (const one of steps) {
          if (one.kind === 'event') {
            const n = (counters.get(one.group) ?? 0) + 1;
            counters.set(one.group, n);
            if (current === one.group) expected.push(`${one.group}:${n}`);
          } else if (one.kind === 'leave') {
            if (current !== undefined) segments = leaveGroup(segments, counters.get(current) ?? 0);
            current = undefined;
          } else {
            if (current !== undefined && current !== one.group) segments = leaveGroup(segments, counters.get(current) ?? 0);
            segments = joinGroup(segments, one.group, counters.get(one.group) ?? 0);
            current = one.group;
          }
        }
        const numbered: string[] = [];
        for (const { groupId, afterN, untilN, firstNumber } of segments) {
          expect(firstNumber).toBe(numbered.length + 1);
          for (let n = afterN + 1; n <= (untilN ?? counters.get(groupId) ?? 0); n++) numbered.push(`${groupId}:${n}`);
        }
        expect(numbered).toEqual(expected);
      }),
    );
  });

  test('go on after the last stored segment, and begin anew once all was forgotten', () => {
    const last = { ordinal: 4, groupId: 1, afterN: 10, untilN: 13, firstNumber: 21 };
    expect(playSteps(last, [{ kind: 'join', groupId: 2, n: 7 }]).segments.at(-1)).toEqual({
      ordinal: 5,
      groupId: 2,
      afterN: 7,
      firstNumber: 24,
    });
    expect(playSteps(last, [{ kind: 'forget' }, { kind: 'join', groupId: 2, n: 7 }])).toMatchObject({
      forgotten: true,
      segments: [{ ordinal: 1, firstNumber: 1 }],
    });
  });
});
