export * from './escalation.ts';
export * from './policy.ts';
export * from './priority.ts';
export * from './replay.ts';
export * from './retries.ts';
export * from './scale.ts';
export * from './transitions.ts';
export * from './waiting.ts';
