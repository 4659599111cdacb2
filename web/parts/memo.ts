import { Component, createElement } from 'preact';
import type { FunctionComponent } from 'preact';

/** Draws again only when a prop is another value. The one thing the compat package would be loaded for. */
export function memo<P extends object>(Inner: FunctionComponent<P>): new (props: P) => Component<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const before: object = this.props;
      return Object.entries(next).some(([key, value]) => Reflect.get(before, key) !== value);
    }
    override render() {
      return createElement(Inner, this.props);
    }
  };
}
