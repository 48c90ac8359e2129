/** A hook for Node's module loader: modules of TensorFlow.js import each other without the ending `.js`. */
export const resolve = (name, context, next) => next(/^[.].*(?<![.]js)$/.test(name) ? `${name}.js` : name, context);
