/** What is wrong with a value; the pointer is a JSON Pointer into the request. */
export interface FieldIssue {
  pointer: string
  detail: string
}
