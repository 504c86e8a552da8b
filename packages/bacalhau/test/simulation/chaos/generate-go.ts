import type { GoNodePlan } from '../go/go-fleet.ts'
import type { MarketWeather } from '../go/go-market.ts'
import type { Dice } from '../world/dice.ts'
import type { Kind } from './script.ts'

export function goNodesOf(kind: Kind, dice: Dice): GoNodePlan[] {
  if (kind !== 'go-compute' && kind !== 'go-mixed') return []
  return Array.from({ length: dice.pick([1, 2, 2, 3, 4]) }, (_, index) => ({
    id: `QmGo${index + 1}`,
    generation: dice.pick(['c', 'c', 'c', 'b']),
    cpu: dice.pick([1, 2, 2, 4, 8]),
    zone: dice.pick(['a', 'b']),
    weather: goWeatherOf(dice),
  }))
}

export const goWeatherOf = (dice: Dice): GoNodePlan['weather'] => ({
  latency: dice.pick([
    [0, 0],
    [0, 3],
    [1, 40],
    [0, 900],
  ] as const),
  lost: dice.pick([0, 0, 0.05, 0.4]),
  repeated: dice.pick([0, 0, 0.3]),
  unanswered: dice.pick([0, 0, 0, 0.1]),
})

export function goRequestersOf(kind: Kind, dice: Dice): { readonly id: string; readonly weather: MarketWeather }[] {
  if (kind !== 'go-requester' && kind !== 'go-mixed') return []
  return Array.from({ length: dice.pick([1, 1, 2, 3]) }, (_, index) => ({
    id: `QmGoRequester${index + 1}`,
    weather: marketWeatherOf(dice),
  }))
}

export const marketWeatherOf = (dice: Dice): MarketWeather => ({
  latency: dice.pick([
    [0, 0],
    [0, 3],
    [1, 40],
    [0, 900],
  ] as const),
  lost: dice.pick([0, 0, 0.05, 0.3]),
})
