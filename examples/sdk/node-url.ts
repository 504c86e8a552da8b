/** Where the node of these examples is: the first argument, or `BACALHAU_API`, or the usual place. */
export const nodeUrl = (): string => process.argv[2] ?? process.env['BACALHAU_API'] ?? 'http://127.0.0.1:1234'
