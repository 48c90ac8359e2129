/** What is told of an adapter. Plain data, so that the library's types ask for none of WebGPU's. */
export interface AdapterSummary {
  index: number;
  name: string;
  vendor: string;
  architecture: string;
  description: string;
  backend: string;
  type: "discrete" | "integrated" | "software" | "unknown";
  software: boolean;
  limits: Record<string, number>;
  features: string[];
}
