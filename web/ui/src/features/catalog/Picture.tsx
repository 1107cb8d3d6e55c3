import { IconPhoto } from '@tabler/icons-react'
import { useState } from 'react'

import type { Schemas } from '~/api/client'

import classes from './Picture.module.css'

type Product = Pick<Schemas['Product'], 'sku' | 'image_url' | 'updated_at'>

/** A product's picture, which the server fetches; a sign where there is none. alt '' where its name stands beside it. */
export function Picture({ product, size, alt = '' }: { product: Product; size: number; alt?: string }) {
  const [broken, setBroken] = useState(false)
  const style = { width: size, height: size }
  if (!product.image_url || broken)
    return (
      <span className={classes.none} style={style} role={alt ? 'img' : undefined} aria-label={alt || undefined}>
        <IconPhoto size={Math.min(32, size / 2)} stroke={1.2} aria-hidden />
      </span>
    )
  return (
    <img
      // A changed product may have another picture.
      src={`/api/v1/products/${encodeURIComponent(product.sku)}/picture?v=${Date.parse(product.updated_at)}`}
      alt={alt}
      loading="lazy"
      className={classes.picture}
      style={style}
      onError={() => setBroken(true)}
    />
  )
}
