/** Declarations of the part of @std/http/negotiation 1 that http/ uses. */
export function accepts(request: Pick<Request, "headers">, ...types: string[]): string | undefined;
