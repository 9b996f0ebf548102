import assert from 'node:assert/strict';
import { it } from 'node:test';
import { html } from '../../status/html';

it('what is put into a template is text, in content and in attributes', () => {
  const hostile = `<script>alert("1")</script> & 'x'`;
  const { text } = html`<p title="${hostile}">${hostile}</p>`;
  assert.equal(text.match(/<(?!p|\/p)/), null);
  assert.equal(text.match(/"/g)?.length, 2);
  assert.ok(text.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;'));
});

it('templates nest, lists are joined, nothing is nothing', () => {
  const items = ['a<', 'b'].map((item) => html`<b>${item}</b>`);
  assert.equal(html`${items}${undefined}${0}`.text, '<b>a&lt;</b><b>b</b>0');
});

it('no character changes how others are read, and lines may end', () => {
  assert.equal(html`${'a\x00\x1b\u202e\u200b\ud800b\nc'}`.text, 'a\ufffd\ufffd\ufffd\ufffd\ufffdb\nc');
});
