export default async () => (await import('./end-run.ts')).endRun();
