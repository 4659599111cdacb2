/** What was typed into a field; a file or nothing at all is no text. */
export function typed(fields: FormData, name: string): string {
  const value = fields.get(name);
  return typeof value === 'string' ? value : '';
}

/** The fields of the form that is being sent. */
export function fieldsOf(event: SubmitEvent): FormData {
  event.preventDefault();
  if (event.currentTarget instanceof HTMLFormElement) return new FormData(event.currentTarget);
  throw new TypeError('a submit event comes from a form');
}
