/** The part of WebAssembly's interface that is used: Node has it, its types for version 20 leave it to the browser's. */
declare namespace WebAssembly {
  type ImportValue = (...args: never[]) => unknown;
  type ModuleImports = Record<string, ImportValue>;
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    private constructor();
  }
  class Instance {
    constructor(module: Module, imports: Record<string, ModuleImports>);
    readonly exports: Record<string, unknown>;
  }
}
