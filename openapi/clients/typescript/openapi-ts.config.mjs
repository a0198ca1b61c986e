/** How `@hey-api/openapi-ts` makes the package `parley` from the document: modules name their files in full. */
export default {
  input: '../../openapi.json',
  output: { path: 'parley', module: { extension: '.js' } },
};
