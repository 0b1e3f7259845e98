export { createNotifier, type NotifierContext } from './main.ts';
