/** Who asked for a connection, and where; "none" where no dialect is. */
export interface Visitor {
  readonly dialect: string;
  readonly address: string;
  readonly pathname: string;
}
