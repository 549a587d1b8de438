/** A reason why the stack cannot start, in one sentence that says what to do. */
export class StackError extends Error {
  /** @param {string} message @param {{port?: number}} [details] the port that somebody else holds */
  constructor(message, details = {}) {
    super(message);
    this.details = details;
  }
}
