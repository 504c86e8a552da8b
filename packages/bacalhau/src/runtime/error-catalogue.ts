/** The table lies where clients of the API can read it as well. */
export { CATALOGUE, type ErrorCode } from '@bacalhau/models/error-catalogue'
