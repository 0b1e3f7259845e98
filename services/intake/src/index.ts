export { createIntake } from './main.ts';
