import { lexer } from 'marked';
import type { Token, Tokens } from 'marked';
import { createElement } from 'preact';
import type { ComponentChildren } from 'preact';
import { Text } from './bits.tsx';

/** An answer's markdown as elements. It never becomes HTML text, so there is nothing to sanitise. */
export function Markdown({ text }: { readonly text: string }) {
  const tokens = lexer(text, { gfm: true });
  return <div class="markdown">{inner(ranked(tokens))}</div>;
}

/** The page has its own headings above: those of the text begin below them and skip no level. */
function ranked(tokens: readonly Token[]): readonly Token[] {
  const depths = [
    ...new Set(tokens.flatMap((token) => (token.type === 'heading' ? [Number(token['depth'])] : []))),
  ].toSorted((a, b) => a - b);
  return tokens.map((token) =>
    token.type === 'heading' ? { ...token, depth: Math.min(6, 3 + depths.indexOf(Number(token['depth']))) } : token,
  );
}

function inner(tokens: readonly Token[] | undefined): ComponentChildren {
  return (tokens ?? []).map((token, index) => <Node key={index} token={token} />);
}

function Node({ token }: { readonly token: Token }) {
  // The lexer's own types are open unions: `type` is what decides, as its documentation says.
  switch (token.type) {
    case 'heading': {
      const heading = token as Tokens.Heading;
      return createElement(`h${heading.depth}`, null, inner(heading.tokens));
    }
    case 'paragraph':
      return <p>{inner((token as Tokens.Paragraph).tokens)}</p>;
    case 'strong':
      return <strong>{inner((token as Tokens.Strong).tokens)}</strong>;
    case 'em':
      return <em>{inner((token as Tokens.Em).tokens)}</em>;
    case 'del':
      return <del>{inner((token as Tokens.Del).tokens)}</del>;
    case 'codespan':
      return (
        <code>
          <Text value={(token as Tokens.Codespan).text} />
        </code>
      );
    case 'code':
      return (
        <pre class="code" tabIndex={0}>
          <Text value={(token as Tokens.Code).text} />
        </pre>
      );
    case 'blockquote':
      return <blockquote>{inner((token as Tokens.Blockquote).tokens)}</blockquote>;
    case 'list':
      return <List list={token as Tokens.List} />;
    case 'table':
      return <Table table={token as Tokens.Table} />;
    case 'link':
      return <Outside href={(token as Tokens.Link).href}>{inner((token as Tokens.Link).tokens)}</Outside>;
    case 'image':
      // Fetching an image would tell its host that the owner is reading.
      return <Outside href={(token as Tokens.Image).href}>image: {(token as Tokens.Image).text}</Outside>;
    case 'hr':
      return <hr />;
    case 'br':
      return <br />;
    case 'space':
      return null;
    default:
      return <Leaf token={token} />;
  }
}

function Leaf({ token }: { readonly token: Token }) {
  if ('tokens' in token && token.tokens) return <>{inner(token.tokens)}</>;
  return <Text value={'text' in token && typeof token.text === 'string' ? token.text : token.raw} />;
}

function List({ list }: { readonly list: Tokens.List }) {
  const items = list.items.map((item, index) => <li key={index}>{inner(item.tokens)}</li>);
  return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table }: { readonly table: Tokens.Table }) {
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>
            {table.header.map((cell, index) => (
              <th key={index}>{inner(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, at) => (
                <td key={at}>{inner(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A link shows where it goes: the words of an answer may promise something else. */
function Outside({ href, children }: { readonly href: string; readonly children: ComponentChildren }) {
  const url = URL.parse(href, location.origin);
  if (!url || !['http:', 'https:'].includes(url.protocol)) return <>{children}</>;
  if (url.origin === location.origin) return <a href={url.pathname + url.search + url.hash}>{children}</a>;
  return (
    <>
      <a href={url.href} target="_blank" rel="noreferrer noopener">
        {children}
      </a>{' '}
      <span class="host">({url.host})</span>
    </>
  );
}
