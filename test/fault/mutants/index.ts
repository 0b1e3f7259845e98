import { OF_SERVICES } from './of-services.ts';
import { OF_STATEMENTS } from './of-statements.ts';

/** Every seeded defect: a checker that does not find each is not to be trusted. */
export const MUTANTS = [...OF_STATEMENTS, ...OF_SERVICES];
