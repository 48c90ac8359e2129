// The package's main file is CommonJS that Node takes for a module; its module build has no types of its own.
declare module "wgsl_reflect/wgsl_reflect.module.js" {
  export { WgslReflect } from "wgsl_reflect";
}
