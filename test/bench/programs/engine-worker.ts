/** A worker of a peer, or of the reference, whose handler does nothing. */
import type { EnginePlan } from '../engine.ts';
import { openEngine } from '../open-engine.ts';
import { countFor, openParent, readPlan } from './parent.ts';

const parent = openParent();
const engine = await openEngine(readPlan<EnginePlan>());
parent.say({ kind: 'began' });
await engine.work(countFor(parent));
parent.say({ kind: 'ready' });
