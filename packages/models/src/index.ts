export * from './spec-config.ts'
